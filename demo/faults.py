"""What goes wrong with the demo company's products: description, cause and measures that fit each other."""

from __future__ import annotations

from typing import NamedTuple


class Product(NamedTuple):
    key: str
    name: str
    models: tuple[str, ...]
    maker: str
    part_no: str
    shelf_life: int | None
    measure: str


class Fault(NamedTuple):
    product: str
    category: str
    text: str
    cause: str
    measure: str
    prevention: str


PRODUCTS = {product.key: product for product in (
    Product("truck", "轻型载货汽车", ("CJ1040", "CJ1070"), "SUB-CQ", "CJ1040-00", None, "辆"),
    Product("van", "多用途乘用车", ("CJ6480", "CJ6500E"), "SUB-CQ", "CJ6480-00", None, "辆"),
    Product("engine", "发动机总成", ("CJ473Q", "CJ485Z"), "SUB-SC", "473Q-1000", 36, "台"),
    Product("gearbox", "变速器总成", ("CJT5-20", "CJT6-35"), "SUB-SC", "T520-1700", 36, "台"),
    Product("brake", "制动器总成", ("ZD220", "ZD280"), "SUB-HB", "ZD220-3500", 24, "套"),
    Product("steering", "转向器总成", ("ZX110", "ZX140"), "SUB-HB", "ZX110-3400", 24, "套"),
)}

FAULTS = (
    Fault("truck", "engine", "冷车启动困难，怠速不稳并伴有抖动",
          "喷油器雾化不良，个别缸供油不足", "更换同批次喷油器并重新标定怠速",
          "喷油器入厂流量检验由抽检改为全检"),
    Fault("truck", "electrical", "行驶中仪表台多个故障灯同时点亮，偶发熄火",
          "前舱主线束搭铁点涂漆未打磨，接触电阻过大",
          "打磨搭铁点并加装防松垫圈", "搭铁点打磨列入装配关键工序并拍照留档"),
    Fault("truck", "chassis", "重载过坑时后桥异响，钢板弹簧窜动",
          "U形螺栓拧紧力矩低于工艺要求", "按规定力矩复紧并做防松标记",
          "定扭扳手每班点检，力矩数据上传系统"),
    Fault("truck", "body", "货箱后栏板铰链焊缝开裂",
          "焊接电流偏低，熔深不足", "补焊并增加加强板", "焊机参数锁定，每班首件做剖切检查"),
    Fault("truck", "brakes", "下长坡时制动踏板变软，制动距离变长",
          "制动液含水量超标，沸点下降", "更换制动液并排气", "加注设备增加除水过滤器，按周化验"),
    Fault("truck", "appearance", "驾驶室左门漆面大面积橘皮",
          "面漆粘度调配偏高", "返工打磨重喷", "调漆间增加在线粘度计"),
    Fault("truck", "performance", "满载爬坡动力不足，油耗比说明书高两成",
          "涡轮增压管路卡箍漏气", "更换卡箍并做气密检查",
          "下线增加增压管路保压试验"),
    Fault("van", "electrical", "空调出风不冷，压缩机不吸合",
          "压缩机继电器触点烧蚀", "更换继电器和保险", "改用额定电流更高的继电器"),
    Fault("van", "body", "雨天后排车顶漏水",
          "顶篷密封胶断胶", "重新打胶并做淋雨试验", "打胶机器人增加断胶视觉检测"),
    Fault("van", "chassis", "时速80公里以上方向盘抖动",
          "前轮动平衡配重脱落", "重新做四轮动平衡", "配重块改为卡扣加胶双重固定"),
    Fault("van", "steering", "原地打方向有“咯吱”异响",
          "转向柱下万向节缺润滑脂", "加注润滑脂并检查万向节", "供应商出厂前称重检查注脂量"),
    Fault("van", "appearance", "新车交付时发现前保险杠色差",
          "保险杠与车身不同批次喷涂", "更换同批次保险杠", "外协件喷涂色板每批比对"),
    Fault("van", "service_attitude", "用户反映预约后无人联系，接待人员态度生硬",
          "预约信息未转到当班人员", "向用户致歉并优先安排检修",
          "预约信息改由系统提醒当班人员"),
    Fault("van", "performance", "倒车影像时有时无",
          "影像线束插接件未插到位", "重新插接并加固", "插接工位增加到位声音检测"),
    Fault("engine", "engine", "台架磨合200小时后机油压力偏低",
          "机油泵限压阀弹簧力偏小", "更换机油泵总成", "限压阀弹簧增加出厂全检"),
    Fault("engine", "engine", "缸盖结合面渗油",
          "缸盖螺栓未按顺序二次拧紧", "更换气缸垫并按顺序拧紧", "拧紧机增加顺序防错程序"),
    Fault("engine", "engine", "运转中有规律的金属敲击声",
          "连杆轴瓦间隙超差", "更换轴瓦并选配间隙", "轴瓦分组选配增加扫码校验"),
    Fault("engine", "packaging", "到货时木箱破损，油底壳磕伤",
          "包装箱底托强度不足", "更换油底壳，同批加固底托", "包装箱做跌落试验后定型"),
    Fault("engine", "electrical", "曲轴位置传感器信号丢失导致停机",
          "传感器线束与排气管间隙不足被烤焦", "更换线束并加隔热套",
          "装配工艺增加线束间隙检查点"),
    Fault("gearbox", "transmission", "二挡升三挡打齿，挂挡费力",
          "同步器锥环磨损异常", "更换同步器总成", "锥环热处理硬度每炉抽检"),
    Fault("gearbox", "transmission", "空挡有明显“嗡嗡”声，踩下离合消失",
          "输入轴轴承滚道有压痕", "更换输入轴轴承", "轴承压装改为伺服压机并监控曲线"),
    Fault("gearbox", "transmission", "行驶3000公里后变速器后端漏油",
          "后油封装配时唇口翻边", "更换后油封", "增加油封装配导向套"),
    Fault("gearbox", "packaging", "防锈袋破损，花键轴头生锈",
          "防锈袋与花键尖角摩擦破损", "除锈并重新涂防锈油", "花键轴头增加塑料护套"),
    Fault("brake", "brakes", "制动时前轮尖叫，踏板有回弹感",
          "摩擦片石墨含量偏低", "更换摩擦片并倒角", "摩擦片配方每批化验"),
    Fault("brake", "brakes", "驻车制动拉到底仍溜车",
          "拉索预紧量不足", "调整拉索预紧量", "下线增加坡道驻车检测"),
    Fault("brake", "brakes", "装车后制动卡钳漏油",
          "活塞密封圈装配划伤", "更换密封圈并清洁缸孔", "密封圈装配工装改为无毛刺材料"),
    Fault("brake", "appearance", "制动盘表面锈蚀严重，主机厂拒收",
          "防锈油喷涂不均", "返工除锈", "防锈喷涂改为浸涂"),
    Fault("brake", "other", "随箱合格证与实物批号不符",
          "包装工位换批时未清场", "补发正确合格证", "换批清场列入工位作业指导书"),
    Fault("steering", "steering", "方向盘自由行程过大",
          "齿条与齿轮啮合间隙超差", "调整啮合间隙", "总成下线间隙由抽检改全检"),
    Fault("steering", "steering", "转向助力时有时无",
          "助力泵油管接头密封不良吸入空气", "更换接头密封圈并排气", "油管接头增加气密检测"),
    Fault("steering", "packaging", "包装内未放防尘塞，接口进灰",
          "包装清单漏列防尘塞", "补发防尘塞并清洗接口", "包装清单双人核对"),
)

# What the inspection showed where the product was not to blame.
NOT_TO_BLAME = (
    "经现场检查属使用不当，已当面向用户说明正确操作方法，用户认可。", "检查未见异常，属磨合期正常现象，已向用户解释。",
    "故障由用户自行加装电器引起，已恢复原状并说明注意事项。", "属易损件正常磨损，已指导用户更换。",
    "运输途中磕碰所致，已由承运方赔付，产品质量无异常。", "用户所加油品不符合要求，清洗油路后恢复正常。",
)
COMMENTS = (
    "处理及时，技术人员讲解清楚。", "问题已解决，目前使用正常。",
    "来电说明很详细，按方法操作后恢复。", "服务态度好，希望配件供应再快一些。",
    "已修复，会继续观察使用情况。", "处理结果满意，没有其他意见。",
)
COMPLAINTS = ("等待时间太长，影响生产。", "同样的问题又出现了一次，希望彻底解决。", "更换的配件等了一周才到。")
